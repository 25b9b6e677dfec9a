"""gather -> decide -> apply -> tell: one short file each; actions and status are pure."""
