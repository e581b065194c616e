cimport cython

from licorne.engine cimport _bytes

cdef bytes _REG_NAME
cdef bytes _IPV6
cdef bytes _IP_FUTURE
cdef bytes _HEX_DIGIT
cdef int _MAX_PORT
cdef int _PERCENT

cpdef bint is_token(bytes data)
cpdef list list_tokens(bytes value)
@cython.locals(end=Py_ssize_t, colon=Py_ssize_t, host=bytes)
cpdef bint is_host(bytes value)
@cython.locals(at=Py_ssize_t)
cpdef bint has_valid_escapes(bytes data)
cdef bint _is_port_suffix(bytes suffix)
cdef bint _is_reg_name(bytes host)
cdef bint _is_ip_literal(bytes literal)
cdef bint _is_ipv6(bytes literal)
cdef bint _is_ipv4(bytes quad)
