"""What the rules of flags say in profiles and in rendered objects alike."""

CRASH_LOOP = "the server would exit at every start"
READ_THEM_YOURSELF = "compare the flags with that release's vllm serve --help"
