"""Django by ASGI."""

from django.core.asgi import get_asgi_application
from django_settings import set_up

set_up("django_views")
application = get_asgi_application()
