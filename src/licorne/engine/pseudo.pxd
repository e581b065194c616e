cimport cython

from licorne.engine cimport _bytes
from licorne.engine.framing cimport parse_length
from licorne.engine.headers cimport is_host, is_token, list_tokens
from licorne.engine.received cimport RequestHead
from licorne.engine.target cimport split_origin

cdef dict _METHODS
cdef dict _DEFAULT_PORTS
cdef tuple _LOCALHOST
cdef int _COLON
cdef int _SLASH
cdef int _SPACE
cdef bytes _FIELD_TEXT
cdef bytes _LOWER_NAME
cdef long long _CHUNKED
cdef int _HOST
cdef int _CONTENT_LENGTH
cdef int _COOKIE
cdef int _EXPECT
cdef int _TE
cdef int _OF_CONNECTION
cdef dict _KNOWN
cdef bytes _KNOWN_LENGTHS
cdef bytes _PROXY_LENGTHS
cdef bytes _PROXY_LETTERS


@cython.final
cdef class Section:
    cdef bytes authority
    cdef list checked
    cdef list cookies
    cdef bytes expect
    cdef list fields
    cdef bytes host
    cdef tuple host_field
    cdef bint is_plain
    cdef bytes length
    cdef bytes method
    cdef bytes path
    cdef bytes protocol
    cdef bytes scheme
    cdef bytes te

    cpdef forget(self)
    @cython.locals(checked=list, count=Py_ssize_t, at=Py_ssize_t, field=tuple, name=bytes, value=bytes, size=Py_ssize_t)
    cdef gather(self, list fields)
    cdef _reset(self)
    cdef _note_pseudo(self, bytes name, bytes value)
    @cython.locals(kind=int)
    cdef _note(self, tuple field, bytes name, bytes value)
    cdef bint _is_crumb(self, bytes value) except -1
    @cython.locals(joined=tuple)
    cdef _join_cookie(self)


cdef bytes once(bytes known, bytes value)
@cython.locals(name=bytes, value=bytes, size=Py_ssize_t)
cdef check_field(tuple field)
@cython.locals(field=tuple)
cpdef check_trailers(list fields)
cpdef RequestHead request_head(list fields, bint ends, bint takes_websocket=*, str version=*)
@cython.locals(head=RequestHead)
cpdef RequestHead read_head(Section section, list fields, bint ends, bint takes_websocket, str version)
@cython.locals(method=bytes, known=str)
cdef str method_of(Section section)
@cython.locals(authority=bytes, host=bytes, fields=list, field=tuple)
cdef check_authority(Section section)
cdef check_host(bytes authority)
cdef bytes normalized(bytes authority, bytes scheme)
@cython.locals(target=bytes)
cdef read_target(RequestHead head, Section section)
cdef read_connect(RequestHead head, Section section, bint takes_websocket)
@cython.locals(length="long long")
cdef long long content_length(Section section, bint ends) except -2
cdef bint expects_continue(bytes value) except -1
