"""What the archive container of PostgreSQL's pod runs, with the Python of its image.

Uploading, downloading, restoring and deleting is the work of Barman Cloud's programs. These modules import the standard
library, each other and what the image has (barman, boto3), and nothing else of this repository.
"""
