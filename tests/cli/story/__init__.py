"""The story of one resource: from objects that a real cluster gave, to text."""
