"""Technology behind the ports; the families never see each other."""
