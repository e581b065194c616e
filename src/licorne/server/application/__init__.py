"""Application: finding what is to be served, and telling which interface it speaks."""
