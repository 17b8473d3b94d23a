"""Texts that the rules of flags share for profiles and for rendered objects."""

CRASH_LOOP = "the server would exit at every start"
READ_THEM_YOURSELF = "compare the flags with that release's vllm serve --help"
