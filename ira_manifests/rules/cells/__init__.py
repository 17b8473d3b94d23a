"""Rules of the platform and of resolved cells. They render nothing."""
