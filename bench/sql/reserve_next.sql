\set place :place + 1
\set item :first + :client_id * :share + :place
