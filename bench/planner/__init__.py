"""The planner beside what real engines logged: rows of observations as questions, and how far the answers are off."""
