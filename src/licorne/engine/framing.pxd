cimport cython

from licorne.engine cimport _bytes
from licorne.engine.headers cimport is_token, list_tokens

cdef bytes _MAX_LENGTH_VALUE
cdef bytes _DIGIT
cdef Py_ssize_t _MAX_LENGTH_DIGITS

@cython.locals(length="long long", digit="unsigned char")
cpdef long long parse_length(bytes value) except -1
cpdef long long request_length(bytes length, bytes coding, int minor) except -2
cpdef bint has_no_content(str method, int status)
