cimport cython

from licorne.engine cimport _bytes

cdef Py_ssize_t _HEADER_BYTES
cdef int _HEADERS
cdef int _CONTINUATION
cdef int _END_STREAM
cdef int _END_HEADERS
cdef int _PADDED
cdef unsigned int _WORD
cdef int _SETTING_BYTES
cdef bytes _NO_HEAD
cdef bytes _NO_WORD
cdef int _SETTINGS
cdef dict _SIZES


@cython.locals(at=Py_ssize_t, buf="unsigned char *")
cpdef put_head(bytearray out, Py_ssize_t length, int kind, int flags, unsigned int stream_id)
@cython.locals(at=Py_ssize_t, buf="unsigned char *")
cpdef put_word(bytearray out, unsigned int word)
@cython.locals(size=Py_ssize_t, flags=int, at=Py_ssize_t, stop=Py_ssize_t)
cpdef put_headers(bytearray out, unsigned int stream_id, bytes block, bint end, Py_ssize_t max_frame)
@cython.locals(out=bytearray)
cpdef bytes serialize_header(Py_ssize_t length, int kind, int flags, unsigned int stream_id)
@cython.locals(out=bytearray, identifier=int, value="unsigned int")
cpdef bytes serialize_settings(list pairs)
cpdef bytes serialize_ping(bytes payload, bint is_ack)
@cython.locals(out=bytearray)
cpdef bytes serialize_goaway(unsigned int last_id, unsigned int code, bytes debug=*)
@cython.locals(out=bytearray)
cpdef bytes serialize_window_update(unsigned int stream_id, unsigned int credit)


@cython.final
cdef class FrameReader:
    cdef Py_ssize_t at
    cdef bytes buffer
    cdef public int flags
    cdef bytearray gathered
    cdef public int kind
    cdef public Py_ssize_t length
    cdef public Py_ssize_t max_frame
    cdef public bytes payload
    cdef public unsigned int stream_id
    cdef Py_ssize_t wanted

    @cython.locals(gathered=bytearray)
    cpdef feed(self, bytes data)
    @cython.locals(data=bytes, at=Py_ssize_t, end=Py_ssize_t, buf="const unsigned char *", length=Py_ssize_t, start=Py_ssize_t)
    cpdef bint next(self) except -1
    cpdef bytes take_rest(self)
    cpdef Py_ssize_t pending_bytes(self) except -1
    cdef _check_size(self, int kind, Py_ssize_t length)
    cdef bint _await(self, Py_ssize_t at, Py_ssize_t wanted) except -1


@cython.locals(end=Py_ssize_t)
cpdef tuple unpadded(int flags, bytes payload)
@cython.locals(at=Py_ssize_t, identifier=int, value="unsigned int")
cpdef list parse_settings(bytes payload)
@cython.locals(word="unsigned int")
cpdef unsigned int parse_word(bytes payload, Py_ssize_t at) except? 0
