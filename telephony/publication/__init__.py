"""An approved script is put on the line: built, tried, switched, read back, heard."""
