"""How burnt areas come to be: from the burn ratio before and after to severity, patches and sites.

No files and no scenes here: arrays and tables in, arrays and tables out.
"""
