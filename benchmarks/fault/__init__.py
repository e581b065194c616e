"""What broken and hostile clients cost: each program plays one fault on a live server and gives a verdict."""
