"""One file per engine: typed fields -> flags, environment, ports, probes, metric names, drain facts."""
