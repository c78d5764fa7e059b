"""The rules of the trade, pure: state in, decision out; standard library only."""
