"""Applications written with frameworks and without one, each asked for what such applications are asked for."""
