"""The deployed functions, a folder each: prograde carries them along to host them on one machine."""
