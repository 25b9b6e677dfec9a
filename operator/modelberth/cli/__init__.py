"""The commands of `modelberth`, a module or a folder each (main.COMMANDS); wiring, and what people read."""
