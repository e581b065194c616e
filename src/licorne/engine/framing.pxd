from licorne.engine.headers cimport is_token, list_tokens

cdef Py_ssize_t _MAX_LENGTH_DIGITS

cpdef long long parse_length(bytes value) except -1
cpdef long long request_length(bytes length, bytes coding, int minor) except -2
cpdef bint has_no_content(str method, int status)
