"""Node.js: find it, start it for cdk8s, limit its time, explain its failures."""
