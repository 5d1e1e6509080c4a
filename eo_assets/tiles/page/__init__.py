"""The map page: what people see at the address of the tile service. It asks no other host.

``static/`` holds the page: HTML, CSS and JavaScript modules that browsers load as they are;
``static/vendor/`` what others wrote, with their licences.
"""
