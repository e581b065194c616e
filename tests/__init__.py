"""The tests of licorne. `support` holds what they share; nothing in `support` is collected."""
