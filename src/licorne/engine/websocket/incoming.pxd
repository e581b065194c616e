cimport cython

from licorne.engine.websocket.controls cimport Controls
from licorne.engine.websocket.deflate cimport Deflate
from licorne.engine.websocket.gathering cimport BinaryGathering, Gathering, TextGathering
from licorne.engine.websocket.messages cimport MessageQueue

cdef int _CLOSE
cdef int _NO_TEXT
cdef int _FIN
cdef int _RSV
cdef int _RSV1
cdef int _CONTROL
cdef int _OPCODE
cdef int _CONTINUATION
cdef int _TEXT
cdef int _BINARY
cdef int _WHOLE_BINARY
cdef long long _NO_LIMIT
cdef Py_ssize_t _SMALL_FRAGMENT_BYTES
cdef int _MAX_QUIET


cdef class Incoming(MessageQueue):
    cdef public Controls controls
    cdef public Deflate deflate
    cdef public tuple final
    cdef Gathering gathering
    cdef bint is_discarding
    cdef long long left
    cdef Py_ssize_t max_fragments
    cdef long long max_size
    cdef int quiet

    cpdef on_text(self, str text, Py_ssize_t size)
    cpdef on_frame(self, int head, bytes data, long long left)
    cpdef discard(self)
    cpdef put_off(self, int code, str reason)
    cpdef end_rest(self)
    cpdef take_message(self)
    cpdef bint is_resting(self) noexcept
    cdef _count_quiet(self)
    cdef bint _is_fit(self, Py_ssize_t size) noexcept
    cdef _deliver(self, object message, Py_ssize_t size)
    @cython.locals(gathering=Gathering, spare="long long")
    cdef _begin_frame(self, int head, long long size)
    cdef Gathering _continued(self, int head)
    @cython.locals(gathering=Gathering)
    cdef Gathering _begun(self, int head)
    @cython.locals(gathering=Gathering, limit=Py_ssize_t)
    cdef _take_payload(self, bytes data, bint is_last)
