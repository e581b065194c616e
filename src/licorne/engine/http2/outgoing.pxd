cimport cython

from licorne.engine.defaults cimport DefaultHeaders
from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.frames cimport put_head, put_headers, put_word
from licorne.engine.http2.hpack.encoder cimport Encoder
from licorne.engine.http2.scheduler cimport Scheduler
from licorne.engine.http2.stream cimport Http2Stream

cdef int _DATA
cdef int _END_STREAM
cdef int _RST_STREAM
cdef int _DEFAULT_MAX_FRAME
cdef int _END_DUE
cdef int _ENDED
cdef int _HEAD_DUE
cdef int _HEAD_LEFT
cdef int _INTERIM_DUE
cdef int _IS_CUT
cdef int _RESET_DUE
cdef list _NO_FIELDS
cdef int _INITIAL_WINDOW
cdef long long _MAX_PULL
cdef int _TURN_BYTES
cdef long long _CROWDED_BYTES
cdef Py_ssize_t _MIN_OWN_BYTES
cdef Py_ssize_t _MAX_JOINED_BYTES
cdef long long _MAX_LONE_FRAME
cdef long long _FRAME_HEAD_BYTES


@cython.final
cdef class Outgoing:
    cdef DefaultHeaders defaults
    cdef public Encoder encoder
    cdef public list finished
    cdef public long long initial_window
    cdef public int max_frame
    cdef public bytearray out
    cdef Py_ssize_t part_bytes
    cdef list parts
    cdef list pieces
    cdef public Scheduler scheduler
    cdef public long long window

    cpdef widen(self, long long window)
    cpdef reset(self, int stream_id, int code)
    cpdef bint is_crowded(self) except -1
    @cython.locals(scheduler=Scheduler)
    cpdef bint take_room(self) except -1
    @cython.locals(scheduler=Scheduler)
    cpdef Py_ssize_t pending_bytes(self) except -1
    @cython.locals(scheduler=Scheduler, budget="long long", stream=Http2Stream, out=bytes, pieces=list)
    cpdef list take(self)
    @cython.locals(sent="long long")
    cdef Py_ssize_t _take_turn(self, Http2Stream stream, long long budget) except -1
    @cython.locals(is_shared=bint, sent="long long", size="long long", exchange=Exchange)
    cdef Py_ssize_t _write_body(self, Http2Stream stream, long long budget) except -1
    cdef _end(self, Http2Stream stream)
    cdef _finish(self, Http2Stream stream)
    @cython.locals(status=int, fields=list, trailers=list)
    cdef _write_interim(self, Http2Stream stream)
    @cython.locals(ends=bint, fields=list)
    cdef _write_head(self, Http2Stream stream)
    @cython.locals(longest="long long", size="long long", flags=int, left="long long")
    cdef Py_ssize_t _write_data(self, Http2Stream stream) except -1
    @cython.locals(fields=list)
    cdef _write_end(self, Http2Stream stream)
    @cython.locals(size=Py_ssize_t)
    cdef _put_body(self, object part)
    cdef _join(self)
