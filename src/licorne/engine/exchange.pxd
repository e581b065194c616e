cimport cython

from licorne.engine.framing cimport has_no_content
from licorne.engine.received cimport BodyBuffer, RequestHead
from licorne.engine.response_fields cimport ResponseFields
from licorne.engine.sink cimport ResponseSink
from licorne.engine.tunnel cimport Tunnel

cdef long long _UNKNOWN_LENGTH
cdef int _HAS_NO_CONTENT
cdef int _HAS_TRAILERS
cdef int _WANTS_CLOSE
cdef int _IDLE
cdef int _BODY
cdef int _TRAILERS
cdef int _COMPLETE
cdef int _FILE
cdef int _TUNNEL
cdef int _SWITCHING_PROTOCOLS
cdef int _OK
cdef list _NO_FIELDS
cdef int _MIN_STATUS
cdef int _MAX_STATUS


@cython.final
cdef class Exchange(ResponseFields):
    cdef public BodyBuffer body
    cdef public long long bytes_sent
    cdef public object gate
    cdef public bint is_aborted
    cdef public bint is_disconnected
    cdef public bint is_leaving
    cdef public bint is_released
    cdef public list response_headers
    cdef ResponseSink sink
    cdef int state
    cdef public int status
    cdef public object write_gate

    cpdef begin(self, RequestHead head, BodyBuffer body, ResponseSink sink)
    cpdef append_body(self, bytes data)
    cpdef finish_body(self)
    @cython.locals(tunnel=Tunnel)
    cpdef disconnect(self)
    cpdef leave(self)
    cpdef open_write_gate(self)
    cpdef release(self)
    @cython.locals(data=bytes)
    cpdef bytes take_body(self)
    cpdef note_room(self)
    cpdef send_continue(self)
    cpdef send_informational(self, int status, object headers)
    @cython.locals(fields=list)
    cpdef start_response(self, object status, object headers, bint trailers=*)
    @cython.locals(size=Py_ssize_t)
    cpdef write(self, bytes data, bint end)
    cpdef write_trailers(self, object headers)
    cpdef bint start_file(self, Py_ssize_t count, bint end) except -1
    cpdef write_file(self, bytes data)
    cpdef finish_file(self, bint end)
    cpdef finish_empty(self)
    cpdef offer_tunnel(self, Tunnel tunnel)
    @cython.locals(fields=list)
    cpdef start_tunnel(self, object headers)
    cpdef send_raw(self, bytes data)
    cpdef finish_tunnel(self)
    cpdef bint withdraw(self) except -1
    @cython.locals(tunnel=Tunnel)
    cpdef abort(self)
    cpdef bint is_websocket(self)
    cpdef bint is_tunnel(self)
    cpdef bint has_started(self)
    cpdef bint is_complete(self)
    cpdef bint is_full(self)
    cpdef bint can_send_files(self)
    cpdef bint awaits_trailers(self)
    cdef _open_gate(self)
    cdef _finish(self)
    cdef _complete(self)
    cdef _count(self, Py_ssize_t size, bint end)
