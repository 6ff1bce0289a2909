DROP TABLE route_report;
