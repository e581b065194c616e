"""licorne inside gunicorn: real processes of both."""
