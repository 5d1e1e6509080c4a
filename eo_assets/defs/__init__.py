"""When things run: everything that knows Dagster.

Assets, partitions, resources and jobs. What a step does is in ``eo_assets.pipeline``; modules here
import it inside functions, so that loading the definitions stays fast.
"""
