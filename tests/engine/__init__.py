"""The engine, file by file: pure functions as tables, state machines as conversations. No mocks, no clock."""
