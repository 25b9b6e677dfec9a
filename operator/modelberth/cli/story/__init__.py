"""The story of one ModelDeployment for a person: what its status says, and what is around it in the cluster.

``reader`` asks the API server and is all I/O there is. ``headline``, ``standing``, ``pods``, ``events``,
``surroundings``, ``remarks`` and ``next_steps`` read raw objects; ``page`` lays lines out for a terminal or a pipe.
"""
