cimport cython

from licorne.engine.sink cimport ResponseSink

cdef int _DEFAULT_URGENCY
cdef int _MAX_URGENCY
cdef int _DEFAULT_PRIORITY
cdef int _NOWHERE
cdef int _WAITING
cdef int _ASIDE
cdef object _IDENTIFIER

@cython.locals(urgency=int, is_incremental=int, member=bytes, key=bytes, equals=bytes, rest=bytes, said=bytes)
cpdef int parse_priority(bytes value) except -1


cdef class Scheduled(ResponseSink):
    cdef public int id
    cdef public int place
    cdef public int priority
    cdef public long long queued

    cpdef begin_scheduled(self, int stream_id)
    cpdef bint is_stuck(self) except -1


@cython.final
cdef class Level:
    cdef bint is_sorted
    cdef int last
    cdef Py_ssize_t left
    cdef list sequence
    cdef object turns

    cdef add(self, Scheduled stream)
    cdef go_on(self, Scheduled stream)
    cdef Scheduled next(self)
    cdef remove(self, Scheduled stream)
    cdef bint is_empty(self) except -1


@cython.final
cdef class Scheduler:
    cdef list aside
    cdef public long long bytes
    cdef public Py_ssize_t count
    cdef public bint has_held
    cdef public bint has_waiters
    cdef public bint has_window
    cdef int lanes
    cdef list levels
    cdef public long long queued

    cpdef add(self, Scheduled stream)
    cpdef go_on(self, Scheduled stream)
    cpdef grow(self, Scheduled stream, long long size)
    cpdef shrink(self, Scheduled stream, long long size)
    @cython.locals(urgency=int, level=Level, stream=Scheduled)
    cpdef Scheduled next(self)
    @cython.locals(level=Level)
    cpdef bint is_shared(self, Scheduled stream) except -1
    cpdef put_aside(self, Scheduled stream)
    @cython.locals(streams=list, stream=Scheduled)
    cpdef take_back(self)
    @cython.locals(level=Level)
    cpdef remove(self, Scheduled stream)
    cpdef hold(self, Scheduled stream)
    cpdef reprioritize(self, Scheduled stream, int priority)
    @cython.locals(level=Level, urgency=int)
    cdef Level _level(self, int priority)
