"""The agent: profile, prompt, tools, policy and the loop that thinks."""
