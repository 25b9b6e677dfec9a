"""What cannot work, and what its status says then."""
