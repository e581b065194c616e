cimport cython

from licorne.engine cimport _bytes
from licorne.engine.http2.scheduler cimport Scheduled, Scheduler

cdef int _HEAD_KNOWN
cdef int _HEAD_DUE
cdef int _HEAD_LEFT
cdef int _END_DUE
cdef int _ENDED
cdef int _INTERIM_DUE
cdef int _RESET_DUE
cdef int _IS_TUNNEL
cdef int _IS_CUT
cdef int _HAS_HEAD
cdef int _IS_READY
cdef int _NO_RESET
cdef int _INTERNAL_ERROR
cdef long long _UNKNOWN_LENGTH
cdef int _HAS_NO_CONTENT
cdef int _OK
cdef int _RESET_CONTENT
cdef int _TRAILERS
cdef Py_ssize_t _MIN_VIEW_BYTES
cdef long long _FAIR_BYTES
cdef Py_ssize_t _MIN_PIECE_BYTES
cdef list _NO_FIELDS
cdef tuple _TEXT


cdef class Http2Response(Scheduled):
    cdef public long long capacity
    cdef public list changed
    cdef public list fields
    cdef bytes first
    cdef public int flags
    cdef long long length
    cdef public int marks
    cdef object more
    cdef Py_ssize_t offset
    cdef public int reset_code
    cdef Scheduler scheduler
    cdef public list sections
    cdef public long long send_window
    cdef public int status

    cpdef begin_response(self, int stream_id, Scheduler scheduler, long long send_window, long long capacity)
    @cython.locals(marks=int)
    cpdef send_data(self, bytes data, bint end)
    @cython.locals(changed=list)
    cpdef on_change(self)
    cpdef reset(self, int code)
    @cython.locals(data=bytes)
    cpdef refuse(self, int status, str reason)
    cpdef drop(self)
    cpdef close(self)
    @cython.locals(scheduler=Scheduler)
    cpdef wake(self)
    @cython.locals(data=bytes, start=Py_ssize_t, left=Py_ssize_t)
    cpdef object take_data(self, long long size)
    cpdef list take_sections(self)
    cpdef bint can_send(self) except -1
    cpdef bint has_left(self) except -1
    cpdef bint has_ended(self) except -1
    cpdef bint is_tunnel(self) except -1
    @cython.locals(size=Py_ssize_t)
    cdef _queue(self, bytes data)
    cdef bytes _next_piece(self, object more)
    cdef _frame(self, Py_ssize_t size, bint end)
    cdef object _cut(self, bytes data, Py_ssize_t start, Py_ssize_t end)
