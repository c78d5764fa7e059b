"""One verb a file: what prograde does, over the ports."""
