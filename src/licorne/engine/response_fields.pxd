cimport cython

from licorne.engine cimport _bytes
from licorne.engine.framing cimport parse_length
from licorne.engine.headers cimport list_tokens
from licorne.engine.received cimport RequestHead
from licorne.engine.tunnel cimport Tunnel

cdef long long _UNKNOWN_LENGTH
cdef bytes _FIELD_NAME
cdef bytes _FIELD_TEXT
cdef bytes _LOWER_NAME
cdef object _OWNED
cdef bytes _OWNED_LENGTHS
cdef int _HAS_DATE
cdef int _HAS_SERVER
cdef int _NAMES_UPGRADE
cdef int _WANTS_CLOSE


cdef class ResponseFields:
    cdef int flags
    cdef public RequestHead head
    cdef long long remaining
    cdef public Tunnel tunnel

    cdef _begin_fields(self, RequestHead head)
    cdef _forget_fields(self)
    cdef list _without_length(self, list fields)
    cdef _count_off(self, Py_ssize_t size, bint end)
    @cython.locals(name=bytes, value=bytes, fields=list)
    cdef list _check_fields(self, object headers)
    cdef bytes _lower(self, bytes name)
    cdef bint _keeps(self, bytes name, bytes value) except -1
    @cython.locals(length="long long", is_first=bint)
    cdef bint _note_length(self, bytes value) except -1
