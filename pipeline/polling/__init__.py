"""When to ask about which take: how long clips take, a timetable by that, and whose turn it is."""
