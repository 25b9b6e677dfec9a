"""Container images of the project and of the CPU engines, built with what the machine has."""
