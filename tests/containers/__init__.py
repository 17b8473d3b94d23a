"""Runs the containers' scripts on this machine, with the images' shells and a stand-in Hub."""
