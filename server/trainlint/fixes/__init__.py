"""Repairs: a closed vocabulary of actions on places, turned into edits of the text and verified by analysing it again."""
