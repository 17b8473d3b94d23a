"""Rules of profiles: of the platform, of cells and of their waivers. Nothing is rendered."""
