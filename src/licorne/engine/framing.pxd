from licorne.engine.headers cimport is_token, list_tokens

cdef int _MAX_LENGTH_DIGITS

cpdef object parse_length(bytes value)
cpdef object request_length(bytes length, bytes coding, int minor)
cpdef bint has_no_content(str method, int status)
