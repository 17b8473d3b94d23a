"""`lint`: judges kustomizations and manifests that this project did not write.

    units         what is judged together: a built kustomization, a folder of manifests, a stream
    view          a unit as the rules of objects see it, with places in the author's own files
    bare_specs    Pod specs that custom kinds have under other keys
    presets       the server that KServe starts where a service names none
    placeholders  which values are not known
    hardware      the GPU type of a Pod
    models        the models whose geometry is known
    serving       a server of a unit as a cell, as far as it is known
    spelling      folders of models that a tree spells in two ways
    namespaces    namespaces that one overlay alone writes out
    families      overlays that can be applied side by side
    judging       runs the rules, and joins what one place does in many kustomizations
    silenced      comments and baselines that silence findings

The rules are those of `ira_manifests.rules`; a rule says what it needs, and is silent without it.
"""
