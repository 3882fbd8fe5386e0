"""The files under deploy/, docker-compose.yml, and the scripts that they run."""
