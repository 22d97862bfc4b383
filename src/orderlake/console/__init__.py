"""The console: a local web page over one lake, served on loopback only."""
