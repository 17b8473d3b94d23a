"""Texts that the rules of variables share for profiles and for rendered objects."""

NOT_READ = "the server ignores it; correct its name, or remove it"
DEFINE_IT = "define the variable in env, or correct its name"


def undefined(name: str, *, before: bool) -> str:
    """Return the message for `$(NAME)` without a variable. `before`: in another one's value."""
    message = f"$({name}) stays as it is: the container has no variable {name}"
    return f"{message} before it" if before else message


def in_plain_text(name: str) -> str:
    """Return the message for a variable or an option with a secret, which is not in it."""
    return f"{name} has a secret in plain text"


def key_of_a_secret(name: str) -> str:
    """Return what to do instead."""
    return f"write {name}: {{secret: SECRET, key: KEY}}, and revoke what was committed"
