"""`import`: writes profiles that make what other authors' kustomizations and manifests make.

    reading        the servers of a unit, with the objects that belong to each
    sizes          a server's GPUs, machine, CPUs, memory and context as fields of a cell
    arguments      its options and variables as fields
    pods           the rest of its Pod and of its objects as fields
    companions     the objects beside it as fields
    engines        its image, user and times as fields of the engine
    drafts         all of this as one draft
    names          names of profiles and templates of names that give the tree's own
    matrix         drafts -> the values of platform.yaml, GPU types and models
    folders        values -> files; leaves out, and tells, what profiles can't have
    effective      an object as what it means: values of variables, options by name, no defaults
    compare        how two sets of objects differ
    run            reads a tree, and compares what its profiles make with it

It reads trees as `lint` does. What is told as a difference is the result of a comparison with the
objects that the profiles make, so a value that nothing here knows of is told as well.
"""
