"""The endpoints, one module a topic. They check, ask the rest of the room, and say it in HTTP."""
