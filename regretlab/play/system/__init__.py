"""What a realtime run needs of the operating system: processes, shared memory, semaphores, deadlines and priorities."""
