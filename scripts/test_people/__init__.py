"""The steps of `make_test_people.py`: a skeleton moved by anatomical angles, and drawn poses."""
