"""Rules of kustomizations and manifests that other authors wrote, as `lint` reads them."""
